"""Everything that service and workers need to know, as one value that travels to other processes as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from songbloom_x2.config import JobLimits, JobsConfig, ModelsConfig, OutputConfig, RuntimeConfig
from songbloom_x2.settings.folders import data_folder, models_folder

if TYPE_CHECKING:
    from songbloom_x2.settings.resolve import Settings


@dataclass(frozen=True)
class ServicePlan:
    """Folders, database, and what was asked of jobs, models, machine and output."""

    data_dir: str
    database: str
    model: str = ModelsConfig.default
    models_dir: str | None = None
    jobs: JobsConfig = field(default_factory=JobsConfig)
    limits: JobLimits = field(default_factory=JobLimits)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    output: OutputConfig = field(default_factory=OutputConfig)

    @classmethod
    def at(cls, data_dir: Path, **changes: Any) -> ServicePlan:
        """Defaults, with the SQLite database in ``data_dir``."""
        root = data_dir.absolute()
        changes.setdefault("database", f"sqlite:///{root / 'songs.db'}")
        return cls(str(root), **changes)

    @classmethod
    def from_settings(cls, settings: Settings, environment: Mapping[str, str] | None = None) -> ServicePlan:
        """What ``config.yaml``, environment and flags say."""
        environment = os.environ if environment is None else environment
        jobs = settings.section(JobsConfig)
        folder = data_folder(environment) / "server" if jobs.data_dir is None else Path(jobs.data_dir).expanduser()
        changes: dict[str, Any] = {} if jobs.database is None else {"database": jobs.database}
        return cls.at(
            folder,
            model=settings["models.default"],
            models_dir=str(models_folder(settings["models.folder"], environment).absolute()),
            jobs=jobs,
            limits=settings.section(JobLimits),
            runtime=settings.section(RuntimeConfig),
            output=settings.section(OutputConfig),
            **changes,
        )

    @property
    def model_name(self) -> str:
        """What clients call the model: of a folder its last name only, because paths are nobody else's business."""
        given = Path(self.model)
        return self.model if given.name == self.model else given.resolve().name or "model"

    def model_source(self, name: str) -> str:
        """Where the model of this name is loaded from: a folder, or a known name."""
        return self.model if name == self.model_name else name

    def to_json(self) -> str:
        """One line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServicePlan:
        """What ``to_json`` gave."""
        found = json.loads(text)
        parts = {"jobs": JobsConfig, "limits": JobLimits, "runtime": RuntimeConfig, "output": OutputConfig}
        return cls(**{**found, **{name: kind(**found[name]) for name, kind in parts.items()}})
