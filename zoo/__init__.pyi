from . import data as data
from . import export as export
from .models.mnist_cnn import mnist_cnn as mnist_cnn
from .models.seq2seq import seq2seq as seq2seq
from .models.stacked_autoencoder import stacked_autoencoder as stacked_autoencoder
from .models.stacked_lstm import stacked_lstm as stacked_lstm
from .models.vae import vae as vae
from .saved import load as load

__version__: str
