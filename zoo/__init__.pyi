from . import data as data
from . import datasets as datasets
from . import export as export
from .models.adaline import adaline as adaline
from .models.alexnet import alexnet as alexnet
from .models.alexnet import alexnet_small as alexnet_small
from .models.lenet5 import lenet5 as lenet5
from .models.linear_svm import linear_svm as linear_svm
from .models.locally_connected_net import locally_connected_net as locally_connected_net
from .models.maxout_mlp import maxout_mlp as maxout_mlp
from .models.mlp import mlp as mlp
from .models.mnist_cnn import mnist_cnn as mnist_cnn
from .models.multitask_mlp import multitask_mlp as multitask_mlp
from .models.perceptron import perceptron as perceptron
from .models.resnet import resnet as resnet
from .models.resnet import resnet20 as resnet20
from .models.resnet import resnet34 as resnet34
from .models.seq2seq import seq2seq as seq2seq
from .models.siamese_network import siamese_network as siamese_network
from .models.softmax_regression import softmax_regression as softmax_regression
from .models.stacked_autoencoder import stacked_autoencoder as stacked_autoencoder
from .models.stacked_lstm import stacked_lstm as stacked_lstm
from .models.tdnn import tdnn as tdnn
from .models.vae import vae as vae
from .models.xo_convnet import xo_convnet as xo_convnet
from .saved import load as load

__version__: str
