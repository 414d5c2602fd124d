"""``/v1/models``: what can sing here, and what is in memory."""

from __future__ import annotations

from fastapi import APIRouter

from songbloom_x2.api.dependencies import ModelKeeper, Reader, Service
from songbloom_x2.api.documented import ModelName, refusals
from songbloom_x2.api.schemas.models import ModelList, ModelOut, WorkersAsked

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", response_model=ModelList, responses=refusals())
def models(owner: Reader, service: Service) -> ModelList:
    """The models that can be asked for by name, the server's own first."""
    return ModelList(models=[ModelOut.of(model) for model in service.models()])


@router.post(
    "/{name}/load", status_code=202, response_model=WorkersAsked, responses=refusals("not-found", "conflict", "invalid")
)
def load(name: ModelName, owner: ModelKeeper, service: Service) -> WorkersAsked:
    """Have the workers load a model once they are free; a request that names it does so too. Scope `models`."""
    return WorkersAsked(workers=service.load_model(name))


@router.post(
    "/{name}/unload",
    status_code=202,
    response_model=WorkersAsked,
    responses=refusals("not-found", "conflict", "invalid"),
)
def unload(name: ModelName, owner: ModelKeeper, service: Service) -> WorkersAsked:
    """Have the workers that hold a model free its memory once they are free. Scope `models`."""
    return WorkersAsked(workers=service.unload_model(name))
