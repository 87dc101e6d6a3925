"""Layout of the live region, below the scrollback and the unfinished reply, with the height limit of each part.

Each part is a window over a function that returns its lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.layout import ConditionalContainer, Container, HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.layout.dimension import Dimension, sum_layout_dimensions
from prompt_toolkit.layout.mouse_handlers import MouseHandlers
from prompt_toolkit.layout.processors import DynamicProcessor, Processor, Transformation, TransformationInput
from prompt_toolkit.layout.screen import Screen, WritePosition
from prompt_toolkit.layout.utils import explode_text_fragments

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.input.transformed_line import transformed_line
from termchat.ui.repl.panels.style import Fragments, PromptToolkitStyle
from termchat.ui.terminal.renderer import LiveApplication
from termchat.ui.text.ascii import to_ascii
from termchat.ui.text.line import Line

_MENU_ROWS = 10
_BESIDE_PANEL = 5  # rows for the calls, the status, and two that are blank


Lines = Callable[[], Sequence[Line]]


def _no_lines() -> Sequence[Line]:
    return ()


@dataclass(slots=True)
class LiveRegionSource:
    """Contents of the live region. Every function is called at each frame, so it must be cheap."""

    editor: InputEditor
    rows: Callable[[], int]
    calls: Lines = _no_lines
    queue: Lines = _no_lines
    panel: Lines = _no_lines
    panel_painted: Callable[[int], None] = lambda rows: None  # the rows of the panel that are on screen
    menu: Lines = _no_lines
    status: Lines = _no_lines
    placeholder: Callable[[], Safe] = lambda: Safe("")
    prompt: Callable[[], Safe] = lambda: Safe("❯ ")
    filter: Buffer = field(default_factory=lambda: Buffer(multiline=False))
    filter_prompt: Callable[[], Safe] = lambda: Safe("/ ")
    filter_shown: Callable[[str], str] = lambda text: text  # a key is shown as dots
    picking: Callable[[], bool] = lambda: False
    answer: Buffer = field(default_factory=lambda: Buffer(multiline=False))
    answer_prompt: Callable[[], Safe] = lambda: Safe("")
    answering: Callable[[], bool] = lambda: False
    form: Buffer = field(default_factory=lambda: Buffer(multiline=False))
    form_prompt: Callable[[], Safe] = lambda: Safe("")
    form_shown: Callable[[str], str] = lambda text: text  # a secret is shown as dots
    filling: Callable[[], bool] = lambda: False
    spaced: Callable[[], bool] = lambda: False  # the row above the live region is blank


class _Stack(HSplit):
    """Parts below each other that leave a row of the screen free: rows pushed off the screen cannot be erased.

    Hidden parts are left out, and heights are asked for once a frame: half of the time of a frame was spent on both.
    """

    def __init__(self, children: Sequence[Container]) -> None:
        super().__init__(children)
        self._measured: tuple[int, int, int, list[Container]] | None = None  # frame, columns, rows, parts
        self._heights: list[Dimension] = []

    @property
    def _all_children(self) -> list[Container]:
        return [part for part in self.children if not isinstance(part, ConditionalContainer) or part.filter()]

    @property
    def stale(self) -> bool:
        """Return True if a part was shown or hidden since the last frame."""
        return self._measured is None or self._measured[3] != self._all_children

    def preferred_height(self, width: int, max_available_height: int) -> Dimension:
        app, parts = get_app(), self._all_children
        now = (app.frames, width, max_available_height, parts) if isinstance(app, LiveApplication) else None
        if now is None or now != self._measured:
            self._heights = [part.preferred_height(width, max_available_height) for part in parts]
            self._measured = now
        wanted, most = sum_layout_dimensions(self._heights), max(1, max_available_height - 1)
        return Dimension(min(wanted.min, most), min(wanted.max, most), preferred=min(wanted.preferred, most))

    def _divide_heights(self, write_position: WritePosition) -> list[int] | None:
        app, measured = get_app(), self._measured
        if measured and isinstance(app, LiveApplication):
            heights = [height.preferred for height in self._heights]
            now = (app.frames, write_position.width, measured[2], self._all_children)
            if now == measured and sum(heights) <= write_position.height:
                return heights
        return super()._divide_heights(write_position)


class _Part(Window):
    """A window without the style of its last row, which costs a third of painting it and has no effect here."""

    painted: Callable[[int], None] | None = None  # takes the rows that are on screen

    def _apply_style(self, new_screen: Screen, write_position: WritePosition, parent_style: str) -> None:
        pass

    def write_to_screen(
        self,
        screen: Screen,
        mouse_handlers: MouseHandlers,
        write_position: WritePosition,
        parent_style: str,
        erase_bg: bool,
        z_index: int | None,
    ) -> None:
        super().write_to_screen(screen, mouse_handlers, write_position, parent_style, erase_bg, z_index)
        if self.painted:
            self.painted(write_position.height)


def _up_to(rows: int) -> Dimension:
    """Return a height of up to `rows`, fewer if there is no room."""
    return Dimension(min=0, max=rows, preferred=rows)


class LiveLayout:
    """The layout of the live region."""

    def __init__(self, parts: LiveRegionSource, style: PromptToolkitStyle) -> None:
        self.parts = parts
        self.style = style
        self.input = self._input_window()
        self.filter = self._line_window(parts.filter, parts.filter_prompt, [MaskedText(parts.filter_shown)])
        self.answer = self._line_window(parts.answer, parts.answer_prompt)
        self.form = self._line_window(parts.form, parts.form_prompt, [MaskedText(parts.form_shown)])
        picking = Condition(parts.picking)
        filling = Condition(parts.filling) & ~picking
        answering = Condition(parts.answering) & ~picking & ~filling
        self._shown: list[tuple[_Part, Lines]] = []
        self._stack = _Stack(
            [
                ConditionalContainer(_Part(height=_up_to(1)), Condition(self._gap)),
                self._lines(parts.calls, 8),
                self._lines(parts.queue, 4),
                self._lines(parts.panel, painted=parts.panel_painted),  # the panels limit themselves
                ConditionalContainer(self.input, ~picking & ~answering & ~filling),
                ConditionalContainer(self.filter, picking),
                ConditionalContainer(self.answer, answering),
                ConditionalContainer(self.form, filling),
                self._lines(parts.menu, _MENU_ROWS),
                self._lines(parts.status, 1),
            ]
        )
        self.layout = Layout(self._stack, focused_element=self.input)

    def redraw(self, app: LiveApplication) -> bool:
        """Draw the lines that have changed since the last frame, such as clocks, without painting the rest.

        Return False, with nothing drawn, if all has to be painted: a part has come, gone, or got another height.
        """
        if self._stack.stale:
            return False
        parts = ((window, lines()) for window, lines in self._shown)
        return app.redraw_rows([(window, list(map(self.style.row, rows))) for window, rows in parts if rows])

    def _gap(self) -> bool:
        """Return True if a blank row is needed above the input."""
        return self.parts.rows() >= 6 and not self.parts.spaced()

    def input_cap(self) -> int:
        """Return the most rows of the input: half of the screen, fewer beside a panel, which is shown whole."""
        rows, panel = self.parts.rows(), len(self.parts.panel())
        return max(1, min(rows // 2, rows - panel - _BESIDE_PANEL) if panel else rows // 2)

    def _lines(
        self, source: Lines, cap: int | None = None, painted: Callable[[int], None] | None = None
    ) -> ConditionalContainer:
        """Return a window over the lines of one part; hidden while there are none."""

        def lines() -> Sequence[Line]:
            return source()[: max(1, self.parts.rows() - 3)][:cap]

        window = self._slot(lambda: self.style.lines(list(lines())), lambda: len(lines()))
        window.painted = painted
        self._shown.append((window, lines))
        return ConditionalContainer(window, Condition(lambda: bool(lines())))

    def _slot(self, text: Callable[[], Fragments], height: Callable[[], int]) -> _Part:
        control = FormattedTextControl(text, focusable=False, show_cursor=False)
        return _Part(control, height=lambda: _up_to(height()), dont_extend_height=True, wrap_lines=False)

    def _input_window(self) -> Window:
        parts = self.parts
        processors: list[Processor] = [DynamicProcessor(lambda: parts.editor.processor), _Input(parts, self.style)]
        control = BufferControl(parts.editor.buffer, input_processors=processors, focus_on_click=False)
        return _Part(
            control,
            height=lambda: Dimension(min=1, max=self.input_cap()),
            dont_extend_height=True,
            wrap_lines=True,
            get_line_prefix=self._prefix,
        )

    def _prefix(self, number: int, wraps: int) -> Fragments:
        if number == 0 and wraps == 0:
            return [(self.style.style(TextRole.ACCENT), self.parts.prompt())]
        return [("", "  ")]

    def _line_window(self, buffer: Buffer, words: Callable[[], Safe], processors: Sequence[Processor] = ()) -> Window:
        """Return a window for one line of text behind a few words."""
        control = BufferControl(buffer, input_processors=[*processors], focus_on_click=False)

        def prefix(number: int, wraps: int) -> Fragments:
            return [(self.style.style(TextRole.ACCENT), words())]

        return _Part(control, height=1, dont_extend_height=True, wrap_lines=False, get_line_prefix=prefix)


class MaskedText(Processor):
    """Shows a text as a function returns it."""

    def __init__(self, shown: Callable[[str], str]) -> None:
        self._shown = shown

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        return Transformation([("", self._shown(transformation_input.document.text))])


class _Input(Processor):
    """Shows pastes by their labels, the placeholder in an empty input, the suggestion behind the text."""

    def __init__(self, parts: LiveRegionSource, style: PromptToolkitStyle) -> None:
        self._parts = parts
        self._style = style

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        given = transformation_input
        editor = self._parts.editor
        dim = self._style.style(TextRole.DIM)
        if editor.empty:
            return Transformation(
                [*given.fragments, (dim, to_ascii(self._parts.placeholder(), signs=self._style.signs))]
            )
        fragments = explode_text_fragments(given.fragments)
        shown: Fragments = []
        starts: list[int] = [0]
        for fragment in fragments:
            label = editor.pastes.label(fragment[1]) if len(fragment[1]) == 1 else None
            label = to_ascii(label, signs=self._style.signs) if label else None
            shown.append((self._style.style(TextRole.ACCENT), label) if label else (fragment[0], fragment[1]))
            starts.append(starts[-1] + len(label or fragment[1]))
        if given.lineno == given.document.line_count - 1 and (hint := editor.suggestion()):
            shown.append((dim, hint))
        return transformed_line(shown, starts)
