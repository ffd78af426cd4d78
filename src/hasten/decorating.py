"""Orders to put one more decorator on a function: where it stands is decided by whoever gives the order.

Several codemods may decorate one function in one pass, and another one may make it `async def` meanwhile. Each says how
many of the decorators that are there stay above its own; where two say the same, their ranks tell which is outermost.
"""

from __future__ import annotations

from hasten.index.module import Scope
from hasten.model import NodeEdit

#: The action of these orders: it adds to a function, and is in the way of nothing else that is done to it.
ACTION = "add-decorator"
#: Ranks of decorators at one place, the outermost first. What keeps results keeps those of the last attempt.
RANK_OF_CACHES = 10
RANK_OF_RETRIES = 20
#: Among the data of an order: the decorator is right on a plain function only.
PLAIN = ("plain", "yes")
#: Among the data of an order about a whole function: nothing may be added to the function meanwhile.
ALONE = ("alone", "yes")


def decorate(
    function: Scope, codemod: str, decorator: str, *, above: int | None = None, rank: int = 50, plain: bool = False
) -> NodeEdit:
    """Return the order to put `@decorator` on `function`.

    Args:
        function: a `def` or `async def`, at whatever depth.
        codemod: whose transformer carries it out: a `DecoratorTransformer`.
        decorator: the expression, without `@`. It may have several lines, indented by four spaces as if the decorator
            stood at the beginning of a line; they are indented as the file is.
        above: how many of the decorators that the function has stay above the new one; all of them by default.
        rank: of decorators that are added at the same place, the one with the lower rank stands above.
        plain: it is right on a plain function only. A plan that makes a coroutine function of it goes without it.

    Raises:
        ValueError: `above` is not a number of decorators of the function.
    """
    present = len(function.decorators)
    place = present if above is None else above
    if not 0 <= place <= present:
        message = f"`{function.name}` has {present} decorators, so that {place} of them cannot stay above"
        raise ValueError(message)
    module, span = function.module, function.span
    data = (("decorator", decorator), ("above", str(place)), ("rank", str(rank)), *([PLAIN] if plain else []))
    return NodeEdit(module.path, span, module.position(span.start), module.position(span.end), codemod, ACTION, data)
