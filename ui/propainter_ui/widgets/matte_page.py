"""The page Matte: tools, tracking, frames to look at, shadow, and what becomes of the matte.

Here: the controls and what they ask for. Not here: the box of tools (``tool_box.py``), the sentences
(``state/matte_shown.py``), doing any of it (``desk/``).
"""

from __future__ import annotations

from collections.abc import Sequence

from propainter_ui.matte.document import Shadow
from propainter_ui.qt import QtWidgets, Signal
from propainter_ui.state import matte_shown
from propainter_ui.state.panel_state import PanelState
from propainter_ui.widgets.fold import Fold, Memory
from propainter_ui.widgets.parts import Quiet, dim_text, field, show_number
from propainter_ui.widgets.tool_box import ToolBox

_DIRECTIONS = (
    ("back", "Track backward", "From here back to the range's first frame (Alt+T)"),
    ("both", "Track both ways", "From the key mattes through the whole range (T)"),
    ("on", "Track forward", "From here on to the range's last frame (Shift+T)"),
)


class MattePage(QtWidgets.QWidget):
    """Asks for all that is done to the drawn matte; ``tool_box`` asks for tools."""

    track_asked = Signal(str)
    """back, both or on."""
    cancel_asked = Signal()
    frame_asked = Signal(int)
    shadow_asked = Signal(str, object)
    """threshold, soften or reflections of the shadow that is looked for, and its value."""
    asked = Signal(str)
    """next_doubt, is_right, cast, add_shadow, drop_shadow, clear_frame, save, open, draw_on, discard, save_clean, publish,
    withdraw."""

    def __init__(self, *, memory: Memory | None = None) -> None:
        super().__init__()
        self._listed: tuple[str, ...] = ()
        self._frames: tuple[int, ...] = ()
        self.tool_box = ToolBox()
        self._said = dim_text("How the matte stands")
        self.tracks = {name: self._track_button(name, text, tip) for name, text, tip in _DIRECTIONS}
        self.tracks["both"].setObjectName("primary")
        self._doubt_said = dim_text("Frames to look at")
        self.doubts = QtWidgets.QListWidget()
        self.doubts.setAccessibleName("Doubtful frames, the most doubtful first")
        self.doubts.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.doubts.setMaximumHeight(132)
        self._buttons: dict[str, QtWidgets.QPushButton] = {}
        self._threshold = field("Shadow threshold", 0.01, 0.9, 2, step=0.01)
        self._threshold.setToolTip("Share of its light that the ground must lose to count as shadow")
        self._soften = field("Shadow softness, px", 0, 100, 0)
        self._soften.setToolTip("How wide the shadow's edge fades")
        self._reflections = QtWidgets.QCheckBox("Reflections, too")
        self._reflections.setAccessibleName("Reflections, too")
        self._reflections.setToolTip("Take what the object makes brighter, as well")
        self._fold_shadow = Fold("matte_shadow", "Shadow and reflection", is_open=False, memory=memory)
        self._fold_files = Fold("matte_files", "Keep and use the matte", is_open=True, memory=memory)
        self._shadow_said = dim_text("How the shadow stands")
        self._lay_out()
        self._connect()

    # --- layout ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(6)
        column.addWidget(self.tool_box)
        column.addWidget(self._said)
        column.addWidget(self.tracks["both"])
        column.addLayout(_row(self.tracks["back"], self.tracks["on"]))
        column.addLayout(_row(
            self._button("clear_frame", "Clear this frame", "Take away what is drawn on this frame (Shift+Del)"),
            self._button("is_right", "This matte is right", "It becomes a key matte and stays as it is (Shift+D)"),
        ))  # fmt: skip
        column.addLayout(_row(
            self._button("next_doubt", "Next doubtful frame", "Go to the frame that needs a look most (D)"),
        ))  # fmt: skip
        column.addWidget(self._doubt_said)
        column.addWidget(self.doubts)
        self._fill_shadow()
        self._fill_files()
        column.addWidget(self._fold_shadow)
        column.addWidget(self._fold_files)
        column.addStretch(1)

    def _fill_shadow(self) -> None:
        form = QtWidgets.QGridLayout(self._fold_shadow.body)
        form.setContentsMargins(0, 4, 0, 6)
        for line, (text, box) in enumerate((("Light lost", self._threshold), ("Soften, px", self._soften))):
            label = QtWidgets.QLabel(text)
            label.setBuddy(box)
            label.setToolTip(box.toolTip())
            form.addWidget(label, line, 0)
            form.addWidget(box, line, 1)
        form.addWidget(self._reflections, 2, 0, 1, 2)
        form.addWidget(self._button("cast", "Look for its shadow", "Ask which ground has lost light to it"), 3, 0, 1, 2)
        form.addWidget(self._shadow_said, 4, 0, 1, 2)
        form.addLayout(_row(
            self._button("add_shadow", "Add it to the matte", "From then on the shadow is removed as well"),
            self._button("drop_shadow", "Leave it", "Remove the object alone"),
        ), 5, 0, 1, 2)  # fmt: skip

    def _fill_files(self) -> None:
        column = QtWidgets.QVBoxLayout(self._fold_files.body)
        column.setContentsMargins(0, 4, 0, 6)
        column.setSpacing(4)
        column.addLayout(_row(
            self._button("save", "Save matte …", "Write it as a sequence that command, node and farm take"),
            self._button("open", "Open matte project …", "Go on with a matte that was saved here"),
        ))  # fmt: skip
        column.addLayout(_row(
            self._button("draw_on", "Correct the given matte", "Draw over the matte that was opened with the plate"),
            self._button("discard", "Discard the drawing", "Nothing drawn counts any more; undo brings it back"),
        ))  # fmt: skip
        column.addLayout(_row(
            self._button("publish", "Publish matte", "Nodes with Matte from panel on, and this channel, use it"),
            self._button("withdraw", "Withdraw matte", "Nodes have the matte of their own clip again"),
        ))  # fmt: skip
        column.addWidget(self._button("save_clean", "Save painted clean plate …", "Write the frames the stamp painted"))

    def _track_button(self, name: str, text: str, tip: str) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setAccessibleName(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self._ask_track(name))
        return button

    def _button(self, name: str, text: str, tip: str) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setAccessibleName(text.rstrip(" …"))
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.asked.emit(name))
        self._buttons[name] = button
        return button

    def button(self, name: str) -> QtWidgets.QPushButton:
        """The button that asks for this."""
        return self._buttons[name]

    # --- what is asked --------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.doubts.itemClicked.connect(lambda _: self._ask_frame())
        self.doubts.itemActivated.connect(lambda _: self._ask_frame())
        self._threshold.valueChanged.connect(lambda value: self.shadow_asked.emit("threshold", round(value, 3)))
        self._soften.valueChanged.connect(lambda value: self.shadow_asked.emit("soften", value))
        self._reflections.clicked.connect(lambda is_on: self.shadow_asked.emit("reflections", bool(is_on)))

    def _ask_track(self, name: str) -> None:
        if self.tracks["both"].property("cancels") and name == "both":
            self.cancel_asked.emit()
        else:
            self.track_asked.emit(name)

    def _ask_frame(self) -> None:
        row = self.doubts.currentRow()
        if 0 <= row < len(self._frames):
            self.frame_asked.emit(self._frames[row])

    # --- what is shown --------------------------------------------------------------------------------------------

    def show_state(self, state: PanelState) -> None:
        """Show how the matte stands and what can be done with it."""
        facts = matte_shown.facts_of(state)
        self.tool_box.show_tools(state.tools, is_possible=facts.has_plate)
        _say(self._said, facts.sentence)
        both = self.tracks["both"]
        both.setProperty("cancels", facts.is_tracking)
        both.setText("Cancel tracking" if facts.is_tracking else "Track both ways")
        both.setAccessibleName(both.text())
        for name, button in self.tracks.items():
            button.setEnabled(name in facts.can_track or (name == "both" and facts.is_tracking))
        for name, button in self._buttons.items():
            button.setEnabled(name in facts.possible)
        _say(self._doubt_said, facts.doubt_sentence)
        self._list_doubts(facts.doubtful, state.frame)
        shadow = state.drawn.shadow if state.drawn is not None else Shadow()
        show_number(self._threshold, shadow.threshold)
        show_number(self._soften, shadow.soften)
        self._reflections.setChecked(shadow.reflections)
        _say(self._shadow_said, facts.shadow_sentence)

    def _list_doubts(self, doubtful: Sequence[tuple[int, float]], frame: int) -> None:
        texts = tuple(f"{number}   {share:.0%} doubtful" for number, share in doubtful)
        self.doubts.setVisible(bool(texts))
        self._frames = tuple(number for number, _ in doubtful)
        with Quiet(self.doubts):
            if texts != self._listed:
                self._listed = texts
                self.doubts.clear()
                self.doubts.addItems(list(texts))
            self.doubts.setCurrentRow(self._frames.index(frame) if frame in self._frames else -1)


def _say(label: QtWidgets.QLabel, text: str) -> None:
    if label.text() != text:
        label.setText(text)
    label.setVisible(bool(text))


def _row(*widgets: QtWidgets.QWidget) -> QtWidgets.QHBoxLayout:
    row = QtWidgets.QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
