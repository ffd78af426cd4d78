"""What web frameworks made on Starlette hand to functions, and what an application and its requests keep.

@asynccontextmanager
async def lifespan(app):                        # an application
    app.state.db = sqlite3.connect(PATH)

Yield:
    app.state.db.close()

async def homepage(request):                    # a request
    return JSONResponse(request.app.state.db.execute("...").fetchall())

routes = [Route("/", homepage)]
app = Starlette(routes=routes, lifespan=lifespan)

Such a `state` is an empty object for whatever the program puts there. All applications of a program are taken for one.
"""

from __future__ import annotations

from hasten.index.module import Scope, Shape
from hasten.index.program import Program

_APPLICATION = "starlette.applications.Starlette"
_REQUEST = "starlette.requests.Request"
_APPLICATIONS = frozenset({"fastapi.FastAPI", "fastapi.applications.FastAPI", _APPLICATION})
_REQUESTS = frozenset(
    {f"{library}.requests.{each}" for library in ("fastapi", "starlette") for each in ("Request", "HTTPConnection")}
    | {f"{library}.websockets.WebSocket" for library in ("fastapi", "starlette")}
    | {"fastapi.Request", "fastapi.WebSocket"}
)
_CLIENTS = frozenset({"fastapi.testclient.TestClient", "starlette.testclient.TestClient"})
#: What an application keeps for all that it serves.
KEPT = f"{_APPLICATION}.state"
#: The same, and what a request has of its own, which may come from elsewhere.
STATES = frozenset({KEPT, f"{_REQUEST}.state"})
#: By the taker of a function, the arguments that are one, and what its first parameter is then.
_TAKERS: dict[str, tuple[frozenset[int | str], str]] = {
    **dict.fromkeys(_APPLICATIONS, (frozenset({"lifespan"}), _APPLICATION)),
    **dict.fromkeys(
        ("starlette.routing.Route", "starlette.routing.WebSocketRoute"), (frozenset({1, "endpoint"}), _REQUEST)
    ),
}
#: What names a dependency.
DEPENDENCIES = frozenset(f"fastapi.{each}" for each in ("Depends", "Security", "params.Depends", "params.Security"))
#: Decorators that leave the parameters of a function alone.
_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})


def served(program: Program, function: Scope, name: str) -> str | None:
    """Return what a framework gives a parameter that has no annotation, None where it gives it nothing known."""
    if function.kind != "function" or not function.parameters or function.parameters[0][0] != name:
        return None
    module = function.module
    if any(module.dotted(function.parent, each) not in _MANAGERS for each in function.decorators):
        return None
    found: set[str] = set()
    for read in program.references(function):
        call = read.module.call(read.use[1]) if read.use[0] == "arg" else None
        dotted = program.dotted(call.module, call.scope, call.function) if call is not None else None
        positions, kind = _TAKERS.get(dotted or "", (frozenset(), ""))
        if read.use[0] != "arg" or read.use[2] not in positions:
            return None
        found.add(kind)
    return found.pop() if len(found) == 1 else None


def injected(program: Program, function: Scope, default: Shape | None) -> Shape | None:
    """Return the class whose objects FastAPI hands to a parameter by its default, `Depends(Store)`; None for others."""
    if default is None or default[0] != "c":
        return None
    call = function.module.call(default[1])
    given = call.argument(0, "dependency")
    if given is None or given.shape[0] not in {"n", "a"}:
        return None
    if program.dotted(call.module, call.scope, call.function) not in DEPENDENCIES:
        return None
    dotted = program.dotted(call.module, call.scope, given.shape)
    named = program.resolve(dotted) if dotted is not None else None
    return given.shape if named is not None and named.kind == "class" else None


def attribute(program: Program, kind: str, name: str) -> str | None:
    """Return what an attribute of an application, or of a request, is; None for all others."""
    if name == "state" and kind in _APPLICATIONS:
        return KEPT
    if name == "state" and kind in _REQUESTS:
        return f"{_REQUEST}.state"
    if name == "app" and kind in _REQUESTS | _CLIENTS and not _is_derived(program):
        return _APPLICATION
    return None


def _is_derived(program: Program) -> bool:
    """Tell whether the program has applications of a class of its own, with methods of their own."""
    for name in ("FastAPI", "Starlette"):
        program.want(name)
    return any(_class_of(owner, base) in _APPLICATIONS for owner in program.classes() for base in owner.bases)


def _class_of(owner: Scope, base: Shape) -> str | None:
    return owner.module.dotted(owner.parent, base) if base[0] in {"n", "a"} else None
