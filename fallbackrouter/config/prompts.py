"""`[prompts]` -> the values that those who keep and place prompts take."""

from pathlib import Path

from fallbackrouter.config.settings import Settings
from fallbackrouter.core.origin import host_of, origin_of
from fallbackrouter.core.prompt import Naming


def prompt_naming(settings: Settings) -> Naming:
    """Return which variables of a route are prompts, and how texts are spoken."""
    prompts = settings.prompts
    languages = {prompts.language, *prompts.voices, *prompts.warm}
    return Naming(
        spoken=frozenset(prompts.spoken),
        language=prompts.language,
        language_variable=prompts.language_variable,
        voices={language: prompts.voices.get(language, language) for language in languages},
    )


def prompt_folder(settings: Settings, base: Path) -> Path | None:
    """Return `prompts.dir` as an absolute path, None where no prompts are kept."""
    return (base / settings.prompts.dir).absolute() if settings.prompts.dir else None


def crm_origins(settings: Settings) -> frozenset[str]:
    """Return the origins that the CRM's token and certificates are meant for."""
    return frozenset(origin_of(url) for url in _crm_urls(settings))


def prompt_hosts(settings: Settings) -> frozenset[str]:
    """Return the hosts that audio is fetched from."""
    return frozenset(settings.prompts.hosts or (host_of(url) for url in _crm_urls(settings)))


def _crm_urls(settings: Settings) -> list[str]:
    urls = (settings.crm.url, settings.crm.routes_url)
    return [url.replace("{stage}", "init") for url in urls if url]
