"""The page's login: a key is taken for a cookie that only the page itself can use."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from mimik.keys import SCOPES
from mimik.serve.access import Door, cookie_name, is_secure, shown

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["access"])


class LoginIn(BaseModel):
    """What a login needs."""

    model_config = ConfigDict(extra="forbid")
    key: Annotated[str, Field(min_length=1, max_length=200, description="As `mimik key create` showed it.")]


class CallerOut(BaseModel):
    """Who is logged in."""

    id: str = Field(description="Of the key; `local` where none is needed.")
    name: str = Field(description="Whose key it is.")
    scopes: list[str] = Field(description="What it is good for.")


@router.post("/login", response_model=CallerOut)
def login(request: Request, given: LoginIn) -> Response:
    """Take a key for the page's cookie, which scripts cannot read and other sites cannot use."""
    door: Door = request.app.state.door
    if not door.access.demanded:
        return JSONResponse({"id": "local", "name": "", "scopes": list(SCOPES)})
    key, value = door.log_in(request, given.key.strip())
    request.state.caller = door.caller(request, key)
    answer = JSONResponse(shown(key))
    secure = is_secure(request)
    answer.set_cookie(cookie_name(request), value, path="/", secure=secure, httponly=True, samesite="strict")
    return answer


@router.post("/logout", status_code=204)
def logout(request: Request) -> Response:
    """End the page's login."""
    door: Door = request.app.state.door
    door.log_out(request)
    answer = Response(status_code=204)
    answer.delete_cookie(cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="strict")
    return answer
