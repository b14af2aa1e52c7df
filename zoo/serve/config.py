"""Which models are served: TensorFlow Serving's model config, in its text format or as JSON."""

import pathlib

from google.protobuf import json_format, text_format

from zoo.errors import UsageError
from zoo.serve.messages import ModelServerConfig
from zoo.serve.models import Model


def read_config(path):
    """The models of a ModelServerConfig of TensorFlow Serving: in protobuf's text format, or as JSON, names_so or namesSo.

    Args:
        path: The file; JSON begins with a brace. A relative `base_path` in it goes from its folder.

    Returns:
        A list of `zoo.serve.models.Model`.

    Raises:
        UsageError: If there is no such file, or no models in it.

    Example, as JSON:
        {"model_config_list": {"config": [{"name": "digits", "base_path": "saved_models/digits", "model_platform": "tensorflow",
        "model_version_policy": {"specific": {"versions": [1, 2]}}, "version_labels": {"stable": 1}}]}}
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        kind, parse = ("JSON", json_format.Parse) if text.lstrip()[:1] in ("{", "[") else ("text format", text_format.Parse)
        config = parse(text, ModelServerConfig())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error}); give --config a model config file.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a ModelServerConfig: it is not UTF-8 ({error.reason}).") from error
    except (ValueError, json_format.ParseError, text_format.ParseError) as error:
        raise UsageError(f"{path} is not a ModelServerConfig in {kind} ({' '.join(str(error).split())}).") from error
    try:
        return models_of(config, path.absolute().parent)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def models_of(config, folder=None):
    """The models of a ModelServerConfig.

    Args:
        config: The ModelServerConfig.
        folder: Where a relative `base_path` goes from; None if all must be absolute.

    Returns:
        A list of `zoo.serve.models.Model`.

    Raises:
        UsageError: If it holds none, or one that makes no sense.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise UsageError("ServerModelConfig type not supported. Only ModelConfigList is currently supported")
    if not config.model_config_list.config:
        raise UsageError("the model_config_list is empty; name at least one model.")
    models = {}
    for one in config.model_config_list.config:
        if one.name in models:
            raise UsageError(f"Illegal to list model {one.name} multiple times in config list")
        models[one.name] = _model(one, folder)
    return list(models.values())


def _model(one, folder):
    if not one.name:
        raise UsageError("a model has no name.")
    if one.model_platform not in ("", "tensorflow") or one.model_type == 2:
        raise UsageError(f"Model {one.name} requests unsupported platform {one.model_platform or 'OTHER'}; expected tensorflow.")
    base = pathlib.Path(one.base_path)
    if not one.base_path or "\0" in one.base_path or (folder is None and not base.is_absolute()):
        raise UsageError(f"Expected model {one.name} to have an absolute path or URI; got base_path()={one.base_path}")
    policy = one.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "specific" and not policy.specific.versions:
        raise UsageError(f"the version policy of model {one.name} names no specific version.")
    return Model(
        one.name,
        base if folder is None else folder / base,
        latest=policy.latest.num_versions or 1,
        specific=tuple(policy.specific.versions),
        every=choice == "all",
        labels=dict(one.version_labels),
    )
