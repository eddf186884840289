"""The settings page: a few controls, the rest folded away.

Here: which controls there are, what they show and ask for. Not here: how a row looks (``setting_rows.py``), what a render
would cost and its buttons (``cost_card.py``), sections and their order (``propainter_knobs``), what a change entails
(``state/``). Nothing is asked of the backend until *Apply* or *Render*.
"""

from __future__ import annotations

from typing import Any

from propainter_knobs.controls import CONTROL_BY_NAME
from propainter_knobs.knob import ENGINE_LABELS
from propainter_knobs.sections import SECTIONS, Section
from propainter_ui.qt import Qt, QtWidgets, Signal
from propainter_ui.state.forecast import window_sentence
from propainter_ui.state.panel_state import VIEW_NAMES, VIEWS, PanelState
from propainter_ui.state.settings_offered import QUALITIES, SETTING_ROWS, SIZE_CHOICES, rows_of
from propainter_ui.state.sizes import plate_size, working_size_wanted
from propainter_ui.widgets.cost_card import CostCard
from propainter_ui.widgets.fold import Fold, Memory
from propainter_ui.widgets.matte_reading import MatteReadingControls
from propainter_ui.widgets.parts import Quiet, dim_text, show_number
from propainter_ui.widgets.setting_rows import ChoiceRow, CropRow, choose, combo, row_for

_NAME_WIDTH = 130


class Settings(QtWidgets.QWidget):
    """Shows the edited settings and asks for others."""

    setting_asked = Signal(str, object)
    default_asked = Signal(str)
    quality_asked = Signal(str)
    view_asked = Signal(str)
    range_asked = Signal(object, object)
    """First and last frame; None: as it is."""
    reading_asked = Signal(str, object)
    """The matte's path, and the ``MatteReading`` it is to be read by."""
    clean_frames_asked = Signal(str)
    """Frames whose clean plate counts, as typed."""
    typed = Signal()
    """A number was typed and confirmed: keys are the viewer's again."""

    def __init__(self, parent: QtWidgets.QWidget | None = None, *, memory: Memory | None = None) -> None:
        super().__init__(parent)
        self._state = PanelState()
        self._kept_folds = memory
        self._rows: dict[str, Any] = {row.name: row_for(row, self) for row in SETTING_ROWS}
        self._output = combo("Output", [(view, VIEW_NAMES[view]) for view in VIEWS])
        self._quality = combo("Quality", QUALITIES)
        self._clean_frames = QtWidgets.QLineEdit()
        self._reading = MatteReadingControls(self)
        self._first, self._last = _frame_box("From"), _frame_box("To")
        self._size = combo("Working size", [(name, name) for name, _ in (*SIZE_CHOICES, ("Custom", None))])
        self._width, self._height = _size_box("Working width"), _size_box("Working height")
        self._crop = CropRow(self)
        self.cost_card = CostCard()
        """What a render costs, and its button; the panel keeps it on the screen."""
        self._folds: dict[str, Fold] = {}
        self._lay_out()
        self._connect()

    # --- showing --------------------------------------------------------------------------------------------------

    def show_state(self, state: PanelState) -> None:
        """Show this state; controls are touched only where they differ."""
        old, self._state = self._state, state
        if state.settings is not old.settings or state.quality != old.quality or state.daemon is not old.daemon:
            self._show_settings(state)
        if state.settings is not old.settings or _sizes(state) != _sizes(old):
            self._show_size(state)
        self._show_shot(state, old)
        self._show_window(state)
        self.cost_card.show_state(state)

    def _show_settings(self, state: PanelState) -> None:
        for name, row in self._rows.items():
            row.show_value(getattr(state.settings, name))
        self._crop.show_values(
            state.settings.crop_to_matte, state.settings.crop_padding, is_draft=state.quality == "draft"
        )
        choose(self._quality, state.quality)
        has_weights = state.daemon.engine == "propainter" or state.daemon.phase != "ready"
        engine: ChoiceRow = self._rows["engine"]
        engine.forbid(
            "propainter", "" if has_weights else "The weights are not installed: run propainter-weights fetch"
        )
        self._tell_who_listens(state)

    def _tell_who_listens(self, state: PanelState) -> None:
        """Fold away what the engine ignores; mark the single rows among others."""
        label = ENGINE_LABELS.get(state.engine_wanted, state.engine_wanted)
        for section in SECTIONS:
            if section.engine is not None:
                is_heard = any(state.listens(knob.name) for knob in section.knobs)
                self._folds[section.name].set_idle("" if is_heard else f"not used by {label}")
        for name, row in self._rows.items():
            row.note("" if state.listens(name) else f"The {label} engine does not use this")

    def _show_shot(self, state: PanelState, old: PanelState) -> None:
        """Which frames, and which of their pictures is on the screen."""
        choose(self._output, state.view)
        shot = state.shot
        for box, value in ((self._first, state.first), (self._last, state.last)):
            box.setEnabled(shot is not None)
            if shot is not None:
                with Quiet(box):  # a new range moves the value
                    box.setRange(shot.first, shot.last)
                show_number(box, value)
        self._reading.show_state(state)
        if shot is old.shot and shot is not None:
            return
        self._clean_frames.setEnabled(shot is not None and bool(shot.clean))
        counts = shot is not None and 0 < len(shot.clean_frames) < shot.frame_count
        self._clean_frames.setText(_frames_text(shot.clean_frames) if shot is not None and counts else "")
        self._clean_frames.setPlaceholderText("every frame" if self._clean_frames.isEnabled() else "no clean plate")

    def _show_size(self, state: PanelState) -> None:
        choice = _size_choice(state)
        choose(self._size, choice)
        width, height = working_size_wanted(state)
        for box, value in ((self._width, width), (self._height, height)):
            box.setEnabled(choice == "Custom")
            show_number(box, value)

    def _show_window(self, state: PanelState) -> None:
        seen = window_sentence(state)
        self._window.setText(seen)
        self._window.setVisible(bool(seen))

    def refresh_icons(self) -> None:
        """Draw icons anew, after the theme has changed."""
        for row in (*self._rows.values(), self._crop):
            row.refresh_icon(self)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for name, row in self._rows.items():
            row.asked.connect(lambda value, name=name: self.setting_asked.emit(name, value))
            row.reset_asked.connect(lambda name=name: self.default_asked.emit(name))
            row.typed.connect(self.typed.emit)
        self._crop.asked.connect(lambda value: self.setting_asked.emit("crop_padding", value))
        self._crop.switched.connect(lambda is_on: self.setting_asked.emit("crop_to_matte", is_on))
        for name in ("crop_to_matte", "crop_padding"):
            self._crop.reset_asked.connect(lambda name=name: self.default_asked.emit(name))
        self._crop.typed.connect(self.typed.emit)
        self._quality.activated.connect(lambda _: self.quality_asked.emit(self._quality.currentData()))
        self._output.activated.connect(lambda _: self.view_asked.emit(self._output.currentData()))
        self._reading.asked.connect(self.reading_asked.emit)
        self._clean_frames.editingFinished.connect(self._ask_clean_frames)
        self._first.valueChanged.connect(lambda frame: self.range_asked.emit(frame, None))
        self._last.valueChanged.connect(lambda frame: self.range_asked.emit(None, frame))
        self._size.activated.connect(lambda _: self._ask_size())
        for box in (self._width, self._height):
            box.valueChanged.connect(lambda _: self._ask_custom_size())

    def _ask_clean_frames(self) -> None:
        if self._clean_frames.isModified():
            self._clean_frames.setModified(False)
            self.clean_frames_asked.emit(self._clean_frames.text())

    def _ask_size(self) -> None:
        name, plate = self._size.currentData(), plate_size(self._state)
        share = dict(SIZE_CHOICES).get(name)
        if name == "Auto" or plate is None:
            self.setting_asked.emit("working_size", None)
        elif share is not None:
            size = (max(8, round(plate[0] * share)), max(8, round(plate[1] * share)))
            self.setting_asked.emit("working_size", size)
        else:
            width, height = working_size_wanted(self._state)
            self.setting_asked.emit("working_size", (max(8, width - width % 8), max(8, height - height % 8)))

    def _ask_custom_size(self) -> None:
        if self._size.currentData() == "Custom":
            self.setting_asked.emit("working_size", (self._width.value(), self._height.value()))

    # --- layout ---------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        inner = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(inner)
        column.setContentsMargins(14, 4, 14, 10)
        column.setSpacing(2)
        for section in SECTIONS:
            column.addWidget(self._section(section))
        column.addStretch(1)
        self._column = column
        scroll = QtWidgets.QScrollArea()
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        whole = QtWidgets.QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)

    def add_below(self, widget: QtWidgets.QWidget) -> None:
        """Put a widget below the settings, to be scrolled with them."""
        self._column.addWidget(widget)

    def _section(self, section: Section) -> QtWidgets.QWidget:
        form = QtWidgets.QGridLayout()
        form.setContentsMargins(0, 4, 0, 6)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(4)
        form.setColumnMinimumWidth(0, _NAME_WIDTH)
        form.setColumnStretch(1, 1)
        plain = {knob.name for knob in rows_of(section)}
        for name in section.rows:
            if name in plain:
                self._rows[name].place(form, form.rowCount())
            else:
                self._place_own(name, form)
        if section.engine is not None:
            self._place_window(form)
        if section.is_open:
            body = QtWidgets.QWidget()
            body.setLayout(form)
            return body
        fold = Fold(section.name, section.label, is_open=False, memory=self._kept_folds)
        fold.body.setLayout(form)
        self._folds[section.name] = fold
        return fold

    def _place_own(self, name: str, form: QtWidgets.QGridLayout) -> None:
        """A row of the page's own making; what only the node has is passed over."""
        line = form.rowCount()
        if name == "crop_padding":
            self._crop.place(form, line)
        elif name == "range_first":
            _place(form, "Frame range", _side_by_side(self._first, QtWidgets.QLabel("to"), self._last), self._first)
        elif name == "working_size":
            _place(form, "Working size", self._size, self._size)
            sizes = _side_by_side(self._width, QtWidgets.QLabel("×"), self._height)
            sizes.addStretch(1)
            form.addLayout(
                sizes, form.rowCount(), 1, 1, 2
            )  # a row of its own: beside the choice it would widen the page
            self._size.setToolTip(CONTROL_BY_NAME[name].help)
        elif name == "invert_matte":
            form.addWidget(self._reading.invert, line, 0, 1, -1)
        elif name == "matte_channel":
            _place(form, CONTROL_BY_NAME[name].label, self._reading.channel, self._reading.channel)
        elif name in ("output", "quality", "clean_frames"):
            control = CONTROL_BY_NAME[name]
            widget = {"output": self._output, "quality": self._quality, "clean_frames": self._clean_frames}[name]
            widget.setAccessibleName(control.label)
            widget.setToolTip("What the viewer shows." if name == "output" else control.help)
            _place(form, control.label, widget, widget)

    def _place_window(self, form: QtWidgets.QGridLayout) -> None:
        self._window = dim_text("What the window sees")
        self._window.setMinimumHeight(self._window.fontMetrics().lineSpacing() * 2 + 4)
        form.addWidget(self._window, form.rowCount(), 0, 1, 4)


def _frame_box(name: str) -> QtWidgets.QSpinBox:
    box = QtWidgets.QSpinBox()
    box.setKeyboardTracking(False)
    box.setAccessibleName(name)
    box.setToolTip(CONTROL_BY_NAME["range_first" if name == "From" else "range_last"].help)
    return box


def _size_box(name: str) -> QtWidgets.QSpinBox:
    box = QtWidgets.QSpinBox()
    box.setRange(8, 16384)
    box.setSingleStep(8)
    box.setKeyboardTracking(False)
    box.setFixedWidth(58)
    box.setAccessibleName(f"{name}, px")
    return box


def _size_choice(state: PanelState) -> str:
    """How the working size is called: by its share of the plate, else custom."""
    asked, plate = state.settings.working_size, plate_size(state)
    if asked is None:
        return "Auto"
    for name, share in SIZE_CHOICES:
        if plate and share and asked == (max(8, round(plate[0] * share)), max(8, round(plate[1] * share))):
            return name
    return "Custom"


def _sizes(state: PanelState) -> tuple[object, ...]:
    return plate_size(state), state.working_size, state.quality, state.applied.working_size


def _frames_text(frames: tuple[int, ...]) -> str:
    return ", ".join(str(frame) for frame in frames)


def _place(
    form: QtWidgets.QGridLayout, text: str, content: QtWidgets.QWidget | QtWidgets.QLayout, control: QtWidgets.QWidget
) -> None:
    """A row with a name. control: what the name stands for."""
    line = form.rowCount()
    label = QtWidgets.QLabel(text)
    label.setBuddy(control)
    label.setToolTip(control.toolTip())
    form.addWidget(label, line, 0)
    if isinstance(content, QtWidgets.QLayout):
        form.addLayout(content, line, 1, 1, 2)
    else:
        form.addWidget(content, line, 1, 1, 2)


def _side_by_side(*widgets: QtWidgets.QWidget) -> QtWidgets.QHBoxLayout:
    row = QtWidgets.QHBoxLayout()
    row.setSpacing(6)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QtWidgets.QLabel) else 1)
    return row
