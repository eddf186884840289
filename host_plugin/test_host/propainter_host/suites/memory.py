"""The memory suite, and the blocks that the image effect suite hands out."""

from __future__ import annotations

from propainter_host.abi import Refusal, Status, write_pointer
from propainter_host.core import Core
from propainter_host.images import Block
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions


class MemoryFunctions(SuiteFunctions):
    """OfxMemorySuite 1, and the blocks of imageMemoryAlloc."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._blocks: dict[int, Block] = {}
        self.image_blocks: list[Block] = []

    def memoryAlloc(self, _handle: int | None, size: int, out: int | None) -> None:
        block = Block(size)
        self._blocks[block.address] = block
        write_pointer(self._target(out, "memoryAlloc has nowhere to put its answer"), block.address)

    def memoryFree(self, address: int | None) -> None:
        if not address:
            return
        block = self._blocks.pop(address, None)
        if block is None:
            self._core.record(Rule.BAD_HANDLE, f"memoryFree of {address:#x}, which is not allocated")
            raise Refusal(Status.BAD_HANDLE)
        self.inspect(block)

    def inspect(self, block: Block) -> None:
        """Hold broken guards against the plugin."""
        if not block.guards_hold:
            self._core.record(Rule.WROTE_OUTSIDE_IMAGE, str(block))

    def settle(self) -> None:
        """After unload: whatever is left was leaked."""
        for block in [*self._blocks.values(), *self.image_blocks]:
            self.inspect(block)
            self._core.record(Rule.LEAKED_MEMORY, str(block))
        self._blocks.clear()
        self.image_blocks.clear()
