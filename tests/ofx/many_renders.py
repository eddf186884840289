"""A node's working day in one process, for those who watch memory from outside: ``many_renders.py BUNDLE COUNT``.

The fake daemon of the runtime directory in the environment answers; nothing here looks at the pictures. Two instances
render frames in mixed order with every input, output and depth, now and then with an error; then the node is unloaded.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace

from node_fixtures import make_shot

from propainter_host.host import Host
from propainter_host.images import NumpyClip
from propainter_host.profiles import NATRON

OUTPUTS = ("Result", "Fill only", "Hole", "Never seen", "Difference", "Flow", "Grain-free fill")
DEPTHS = ("float32", "float16", "uint16", "uint8")


def main(bundle: str, count: int) -> None:
    frames = random.Random(3)
    with Host(replace(NATRON, depths=("Float", "Half", "Short", "Byte"))) as host:
        plugin = host.load(bundle)
        effects = []
        for dtype in DEPTHS[: min(4, count)]:
            shot = make_shot(dtype=dtype)
            clips = {"Source": shot.source(), "Mask": shot.mask(), "CleanPlate": NumpyClip(shot.plate[::-1].copy())}
            effects.append(plugin.create(clips=clips))
            effects[-1].set_param("auto_start", False)
        for index in range(count):
            effect = effects[index % len(effects)]
            effect.set_param("output", OUTPUTS[index % len(OUTPUTS)])
            effect.set_param("show_overlay", index % 5 == 0)
            effect.set_param("clean_frames", "nonsense" if index % 10 == 9 else "")
            is_refused = index % 10 == 9
            rendered = effect.render(frames.randint(1, 9))
            assert rendered.outcome == ("failed" if is_refused else "done"), rendered.messages
            if index == count // 2:
                effect.push_button("analyse")
                effect.render(5)
                effect.push_button("update_status")
                effect.push_button("clear_results")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
