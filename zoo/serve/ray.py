"""The same application on Ray Serve: many replicas, on one machine or many.

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
    folder, least = arguments["folder"], int(arguments.get("replicas", 1))
    threads = int(arguments.get("threads", 1))
    models_in(folder)
    scaling = {"min_replicas": least, "max_replicas": int(arguments.get("most", max(least, 4))), "target_ongoing_requests": 16}
    options = {"autoscaling_config": scaling, "max_ongoing_requests": 64, "ray_actor_options": {"num_cpus": threads}}
    return serve.deployment(**options)(_replica()).bind(folder, threads)


def _replica():
    @serve.ingress(_mounted)
    class Zoo:
        """One replica: its models, and the application that answers with them."""

        def __init__(self, folder, threads):
            self._models = make_models(models_in(folder), Options(threads=threads))
            self._models.start()
            _mounted.app = build_app(self._models, Limits(), Metrics())

        def check_health(self):
            if not self._models.ready:
                raise RuntimeError("a model is loading, or none is there")

        def __del__(self):
            self._models.stop()

    return Zoo


class _Mounted:
    """An ASGI application that stands for the one that a replica builds once it has its models."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


_mounted = _Mounted()
