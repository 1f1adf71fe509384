"""The values of a flag by name, as flagd has them."""

from collections.abc import Sequence
from typing import Any

from domain.flags.conditions import EVERYONE
from domain.flags.documents import Inexpressible
from domain.flags.outcomes import default_of, value_for
from domain.flags.rules import Rule, Setting
from domain.flags.state import Flag
from domain.flags.variants import Variant


class Values:
    """The values that a flag can have, by name."""

    def __init__(self, flag: Flag, setting: Setting) -> None:
        self.about = flag.about
        self.values: dict[str, Any] = {}
        for rule in setting.rules:
            for variant in rule.variants:
                self.add(variant)
        for variant in setting.variants:
            self.add(variant)
        self.values = {
            **{each.name: self.values[each.name] for each in setting.variants},
            **self.values,
        }

    def fallback(self) -> str | None:
        """The variant for whom no rule lets in; None where the flag declares no default."""
        if self.about.kind == "boolean":
            return self.named(value=False, name="off")
        if self.about.default is None and self.values:
            return None
        return self.named(default_of(self.about), "default")

    def add(self, variant: Variant) -> None:
        """Have a variant among the others."""
        try:
            value = value_for(self.about.kind, variant.payload)
        except ValueError:
            raise Inexpressible(f"the payload of {variant.name} is of another kind") from None
        value = default_of(self.about) if value is None else value
        if self.values.setdefault(variant.name, value) != value:
            raise Inexpressible(f"{variant.name} stands for several values")
        if self.about.kind == "json" and not isinstance(value, dict):
            raise Inexpressible(f"the value of {variant.name} is no object")

    def default(self, rules: Sequence[Rule]) -> str | None:
        """The default variant: what the last rule serves, if that is the declared default."""
        last = next((rule for rule in reversed(rules) if not rule.disabled), None)
        if last is None or last.condition != EVERYONE or last.strategy != "default":
            return self.fallback()
        declared = self.values.get(last.serve) == default_of(self.about)
        return last.serve if last.serve in self.values and declared else self.fallback()

    def named(self, value: Any, name: str) -> str:
        """The name of a value, which is added where no variant has it."""
        for each, known in self.values.items():
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return each
        while name in self.values:
            name = f"{name}-"
        if self.about.kind == "json" and not isinstance(value, dict):
            raise Inexpressible("its default is no object")
        self.values[name] = value
        return name

    def alone(self) -> Any:
        """What a flag is that is on without serving a variant."""
        return True if self.about.kind == "boolean" else default_of(self.about)
