"""CDS Hooks: cards for the chart that an EHR has open. Off by default; nothing that is sent is kept.

An EHR has no session here: whoever reaches the server may ask. The answer rests only on what the request brings, never
on a case of this server.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from glisson.errors import InputError
from glisson.exchange.cds import SERVICE, patient_view, services
from glisson.serve.problems import problem

__all__ = ["router"]

router = APIRouter(prefix="/cds-services", tags=["CDS Hooks"])


@router.get("")
def discovery() -> dict[str, Any]:
    """The services there are."""
    return services()


@router.post(f"/{SERVICE}")
def cards(request: Annotated[dict[str, Any], Body()]) -> JSONResponse:
    """Cards of the hook patient-view; 412 where the resources that the service asks for were not sent along."""
    if request.get("hook") == "patient-view" and not isinstance(request.get("prefetch"), dict):
        return problem(412, "The request has no prefetched resources; this service does not fetch them itself.")
    try:
        return JSONResponse(patient_view(request))
    except InputError as refusal:
        return problem(400, str(refusal))
