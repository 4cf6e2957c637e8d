"""Configuration files: TOML with laboratory units, from and to the objects of the layers below."""

from .load import Config, load_config, parse_config
from .schema import config_schema, schema_text, shipped_schema

__all__ = ["Config", "config_schema", "load_config", "parse_config", "schema_text", "shipped_schema"]
