"""Where the protocol of KerasTuner says too little: keys of gRPC metadata."""

WORKER_KEY = "zoo-worker"  # who tells: KerasTuner's messages name the worker only where it asks for a trial
STUDY_KEY = "zoo-study"  # which study the chief is at
