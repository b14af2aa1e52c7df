"""The same application on Ray Serve: replicas that scale with what is asked, on one machine or many.

    RAY_SERVE_ENABLE_HA_PROXY=1 RAY_SERVE_THROUGHPUT_OPTIMIZED=1 serve run zoo.serve.ray:deployment folder=/models

Needs the extra `ray`: pip install 'nn-zoo[ray]'.
"""

from ray import serve

from zoo.serve.models import models_in
from zoo.serve.operation import Metrics
from zoo.serve.rest import Limits, build_app
from zoo.serve.server import Options, make_models


def deployment(arguments):
    """A Ray Serve application that serves a folder of exported models.

    Args:
        arguments: {"folder": ..., "replicas": least number, "most": largest number, "threads": of each replica}; numbers may be
            text, as in `serve run ... replicas=2`.

    Returns:
        A bound deployment, for `ray.serve.run`.

    Raises:
        UsageError: If the folder holds nothing to serve.
    """
    folder, least, threads = arguments["folder"], int(arguments.get("replicas", 1)), int(arguments.get("threads", 1))
    models_in(folder)

    def application():
        """The application of one replica, built where that runs."""
        models = make_models(models_in(folder), Options(threads=threads))
        models.start()
        return build_app(models, Limits(), Metrics())

    scaling = {"min_replicas": least, "max_replicas": int(arguments.get("most", max(least, 4))), "target_ongoing_requests": 16}
    options = {"autoscaling_config": scaling, "max_ongoing_requests": 64, "ray_actor_options": {"num_cpus": threads}}
    return serve.deployment(name="zoo", **options)(serve.ingress(application)()).bind()
