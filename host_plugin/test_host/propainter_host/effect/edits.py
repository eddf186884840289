"""What the plugin is told when something on the node changes."""

from __future__ import annotations

from propainter_host import core
from propainter_host.effect.preferences import ClipPreferences
from propainter_host.effect.setup import Setup
from propainter_host.graph.instance import Instance
from propainter_host.strict import Rule

_DEEPEST_EDIT = 8
"""A plugin that answers its own edits with further edits is cut off here."""


class Edits:
    """Tells the plugin of changes, by the artist, by the time line, or by the plugin itself."""

    def __init__(self, setup: Setup, preferences: ClipPreferences) -> None:
        self._setup = setup
        self._preferences = preferences
        self._depth = 0
        self.time = float(setup.project.first)
        """Where the time line stands."""

    def tell(self, instance: Instance, kind: str, name: str, reason: str) -> None:
        """Tell the plugin, with begin and end around it; its own edits are told from inside."""
        plugin, shared = self._setup.plugin, self._setup.core
        perform, arguments = plugin.perform, plugin.arguments
        if self._depth >= _DEEPEST_EDIT:
            shared.record(Rule.BAD_VALUE, f"{name}: edits answer edits without end")
            return
        is_nested, edits = self._depth > 0, instance.open_edits
        self._depth += 1
        try:
            if not is_nested:
                perform(core.BEGIN_INSTANCE_CHANGED, instance, arguments(OfxPropChangeReason=reason))
            ins = arguments(
                OfxPropType=kind,
                OfxPropName=name,
                OfxPropChangeReason=reason,
                OfxPropTime=self.time,
                OfxImageEffectPropRenderScale=(1.0, 1.0),
            )
            status = plugin.perform_at(core.INSTANCE_CHANGED, instance, self.time, ins, None)
            plugin.must_or_default(core.INSTANCE_CHANGED, status)
            if not is_nested:
                perform(core.END_INSTANCE_CHANGED, instance, arguments(OfxPropChangeReason=reason))
        finally:
            self._depth -= 1
        if not is_nested and instance.open_edits != edits:
            shared.ledger.record(Rule.UNBALANCED_EDIT, f"after {name} changed", action=core.INSTANCE_CHANGED)
        if name in self._setup.descriptor.props["OfxImageEffectPropClipPreferencesSlaveParam"]:
            self._preferences.apply(instance)
