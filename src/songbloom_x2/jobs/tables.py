"""The tables, as SQLAlchemy knows them. ``migrations`` creates them; a test holds the two against each other."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("model", sa.String(512), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("started", sa.Float(53)),
    sa.Column("finished", sa.Float(53)),
    sa.Column("attempts", sa.Integer, nullable=False),
    # A worker's claim: who has it, and until when without a sign of life.
    sa.Column("worker", sa.String(64)),
    sa.Column("lease_until", sa.Float(53)),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("max_running", sa.Integer),
    sa.Column("blocks_done", sa.Integer, nullable=False),
    sa.Column("blocks_expected", sa.Integer, nullable=False),
    sa.Column("seconds_made", sa.Float(53), nullable=False),
    sa.Column("seconds_asked", sa.Float(53), nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("fingerprint", sa.String(64)),
    sa.UniqueConstraint("owner", "idempotency_key", name="uq_jobs_idempotency"),
    sa.Index("ix_jobs_queue", "state", "priority", "sequence"),
    sa.Index("ix_jobs_owner", "owner", "state", "sequence"),
    sa.Index("ix_jobs_worker", "worker"),
)

owners = sa.Table(
    "owners",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    # When a job of this owner was begun last: whoever waited longest is next.
    sa.Column("served", sa.Float(53), nullable=False),
)

songs = sa.Table(
    "songs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("job", sa.String(64), sa.ForeignKey("jobs.id"), nullable=False),
    sa.Column("sample", sa.Integer, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    # None until the song is finished: the row stands for a song that is promised.
    sa.Column("created", sa.Float(53)),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("lyrics", sa.Text, nullable=False),
    sa.Column("style", sa.Text),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("model", sa.String(512), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float(53)),
    sa.Column("sample_rate", sa.Integer),
    sa.Column("sha256", sa.String(64)),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("folder", sa.String(255)),
    sa.Column("files", sa.JSON),
    sa.Column("parents", sa.JSON, nullable=False),
    sa.Column("favourite", sa.Boolean, nullable=False),
    sa.Column("deleted", sa.Float(53)),
    sa.UniqueConstraint("job", "sample", name="uq_songs_sample"),
    sa.Index("ix_songs_owner", "owner", "created"),
    sa.Index("ix_songs_deleted", "deleted"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("job", sa.String(64), sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("time", sa.Float(53), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

styles = sa.Table(
    "styles",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("file", sa.String(255), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("deleted", sa.Float(53)),
    sa.Index("ix_styles_owner", "owner", "created"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("model", sa.String(512)),
    sa.Column("job", sa.String(64)),
    sa.Column("seen", sa.Float(53), nullable=False),
    # What it shall do when it has no job: "load NAME" or "unload".
    sa.Column("wanted", sa.String(600)),
)

speeds = sa.Table(
    "speeds",
    metadata,
    sa.Column("model", sa.String(512), primary_key=True),
    sa.Column("steps", sa.Integer, primary_key=True),
    sa.Column("songs", sa.Integer, nullable=False),
    sa.Column("real_time_factor", sa.Float(53), nullable=False),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("secret_sha256", sa.String(64), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("max_running", sa.Integer),
    sa.Column("max_queued", sa.Integer),
    sa.Column("max_songs_per_day", sa.Integer),
    sa.Column("created", sa.Float(53), nullable=False),
    sa.Column("used", sa.Float(53)),
    sa.Column("revoked", sa.Float(53)),
    sa.Index("ix_keys_owner", "owner"),
)
