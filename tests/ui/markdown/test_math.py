"""Test formulas: which text is one, its Unicode on one line and in two dimensions, and formulas shown as written."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.sanitize import safe
from termchat.core.style import TextRole
from termchat.ui.markdown import Document, render
from termchat.ui.markdown.inline import parse
from termchat.ui.markdown.math import formula_rows, formula_text
from termchat.ui.text.width import WIDTHS


def formulas(source: str, *, math: bool = True) -> list[str]:
    return [segment.text for segment in parse(source, math=math).segments if TextRole.MATH in segment.roles]


def shown(text: str, width: int = 40, *, math: bool = True) -> list[str]:
    return [row.text for row in render(safe(text), width, math=math)]


@pytest.mark.parametrize(
    ("source", "math"),
    [
        ("so \\(a_1 * b_2 * c\\) is", ["a₁ * b₂ * c"]),
        ("so \\[x\\] is", ["x"]),
        ("so $x_1 + y_1$ is", ["x₁ + y₁"]),
        ("$$\\frac{a}{b}$$", ["a/b"]),
        ("area $ABC$, sum $100$, and $n$-th $f(x)$.", ["ABC", "100", "n", "f(x)"]),
        ("$2x + 3$ and $MSE = a - b$", ["2x + 3", "MSE = a − b"]),
        ("$v_{max} = 5 \\text{ m/s and more}$", ["vₘₐₓ = 5 m/s and more"]),
        ("\\(\\) and \\[\\\\\\]", []),
        ("`$a$`", []),
        ("\\(never closed", []),
        ("\\(see below please\\) and \\[1\\], \\[2, 3\\]", []),
    ],
)
def test_inline_formula_is_shown_as_unicode(source: str, math: list[str]) -> None:
    assert formulas(source) == math


@pytest.mark.parametrize(
    "source",
    [
        "costs $5 and $10",
        "from $5-$10",
        "costs $5, not 10$",
        "between $5/month and $10/month, or 20$ more",
        "US$5 and US$6",
        "（$5）还是（$10）",
        "价格是$5，而那个是10$",
        "a $5M round and a $6M round$",
        "$HOME and $PATH",
        "$HOME/$USER",
        "$HOME/bin:$PATH$",
        "${HOME}/bin:${PATH}",
        "$(date)$(whoami)",
        "echo $MY_VAR and pay 5$",
        "$_ and $@ or $1$x",
        'say "$name" or "$other"$',
        "It costs $5 (see `$VAR`) or $10 (see `$x`)",
        "$5 `a` 6$",
    ],
)
def test_inline_money_and_shell_variables_are_text(source: str) -> None:
    assert formulas(source) == []
    assert "".join(s.text for s in parse(source).segments) == source.replace("`", "")


def test_inline_code_between_dollars_is_code() -> None:
    segments = parse("pay $5 for `$VAR` and *$10* for `a$b`").segments
    assert [s.text for s in segments if TextRole.CODE in s.roles] == ["$VAR", "a$b"]
    assert [s.text for s in segments if TextRole.EMPHASIS in s.roles] == ["$10"]


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\sum_{i=1}^{n} i^2 = \frac{n(n+1)}{2}", "∑ᵢ₌₁ⁿ i² = n(n + 1)/2"),
        (r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "x = (−b ± √(b² − 4ac))/(2a)"),
        (r"e^{i\pi}+1=0", "e^(iπ) + 1 = 0"),
        (r"\frac12 x", "(1/2)x"),
        (r"\frac{\partial^2 f}{\partial x^2}", "∂²f/∂x²"),
        (r"\lim_{x\to 0}\frac{\sin x}{x}", "lim_(x→0) (sin x)/x"),
        (r"A \implies B \iff C", "A ⟹ B ⟺ C"),
        (r"\binom{n}{k}", "(n choose k)"),
        (r"\mathbb{R}^n \to \mathcal{L}", "ℝⁿ → ℒ"),
        (r"\hat{x} \vec{v}", "x̂v⃗"),
        (r"\begin{cases} 1 & \text{if } x>0 \\ 0 & x\le 0\end{cases}", "{1  if x > 0; 0  x ≤ 0"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}^{-1}", "(a b; c d)⁻¹"),
        (r"\left\{ x \mid x > 0 \right\}", "{x ∣ x > 0}"),
        (r"f'(x), 90^\circ, 50\%", "f′(x), 90°, 50%"),
        (r"\mathrm{H_2O}", "H₂O"),
        (r"\nabla_\theta J(\theta) + x_\mu(a)", "∇_θ J(θ) + x_μ (a)"),
        (r"E=mc^2 \tag{1}", "E = mc²    (1)"),
        (r"速度 = \frac{路程}{时间}", "速度 = 路程/时间"),
    ],
)
def test_formula_text_keeps_meaning_on_one_line(latex: str, text: str) -> None:
    assert formula_text(latex) == text


@pytest.mark.parametrize(
    "latex",
    [
        r"\foo{x}",
        r"\underleftrightarrow{a+b}",
        "x^{2",
        "a }",
        "a % b",
        "x_1_2",
        "a $ b",
        "{" * 30 + "x" + "}" * 30,
        r"\left( x",
        r"\begin{tikzpicture}a\end{tikzpicture}",
        "x" * 2001,
        "(" * 900 + "x" + ")" * 900,
        "\\left(" * 30 + "x" + "\\right)" * 30,
        "x^" * 900 + "x",
        "",
    ],
)
def test_formula_with_unknown_or_broken_part_is_not_converted(latex: str) -> None:
    assert formula_text(latex) == ""
    assert formula_rows(latex, 80) == ()


def test_render_inline_formula_with_unknown_command_is_shown_as_written() -> None:
    assert shown(r"so $\foo{x}$ is") == [r"so $\foo{x}$ is"]


def test_render_display_formula_is_two_dimensional() -> None:
    text = "\\[\nx = \\frac{-b \\pm \\sqrt{b^2-4ac}}{2a}\n\\]\ntext"
    rows = ["       −b ± √(b² − 4ac)", "  x = ──────────────────", "              2a", "", "text"]
    assert shown(text) == rows


def test_render_display_formula_draws_limits_matrices_and_cases() -> None:
    rows = shown(r"$$ \sum_{i=1}^{n} A_i = \begin{bmatrix} 1 & 0 \\ 0 & x_{max} \end{bmatrix} $$")
    assert rows == ["   n       ⎡1   0  ⎤", "   ∑  Aᵢ = ⎣0  xₘₐₓ⎦", "  i=1"]
    assert shown(r"\[ f(x) = \begin{cases} 1 & x>0 \\ 0 & x \le 0 \end{cases} \]") == [
        "         ⎰1  x > 0",
        "  f(x) = ⎱0  x ≤ 0",
    ]


def test_render_aligned_equations_align_at_relation() -> None:
    text = "$$\\begin{aligned}\na + b &= c \\\\\n  &= d\n\\end{aligned}$$"
    assert shown(text) == ["  a + b = c", "        = d"]


def test_render_display_formula_too_wide_wraps_one_line() -> None:
    rows = shown("$$\n\\frac{a}{b} + \\frac{c}{d} + \\frac{e}{f}\n$$", 16)
    assert rows == ["  a/b + c/d +", "  e/f"]
    assert shown("$$\n\\frac{a}{b} + \\frac{c}{d} + \\frac{e}{f}\n$$", 14) == ["  a/b + c/d +", "  e/f"]


def test_render_unclosed_display_formula_ends_with_paragraph_as_written() -> None:
    assert shown("$$\na\n\n# Title") == ["$$", "a", "", "Title"]


def test_render_display_formula_too_long_to_hold_is_shown_as_written() -> None:
    rows = shown("$$\n" + "a + b \\\\\n" * 400 + "c\n$$\nend")
    assert rows[0] == "$$"
    assert rows[-3:] == ["$$", "", "end"]


def test_render_formula_in_table_and_list_stays_on_its_line() -> None:
    assert shown("- $$E = mc^2$$") == ["• E = mc²"]
    assert shown("| a |\n|---|\n| $x^2$ |")[-1] == "x²"


def test_render_math_off_or_ascii_shows_source() -> None:
    text = "so $x^2$\n\n\\[\n\\frac{a}{b}\n\\]"
    assert shown(text, math=False) == ["so $x^2$", "", "\\[", "\\frac{a}{b}", "\\]"]
    assert [row.text for row in render(safe(text), 40, signs=False)] == shown(text, math=False)


def test_document_preview_shows_open_formula_as_written_until_it_closes() -> None:
    document = Document(40)
    document.feed(safe("$$\n\\frac{a}{b}\n"))
    assert [row.text for row in document.preview()] == ["$$", "\\frac{a}{b}"]
    document.feed(safe("$$\n"))
    assert [row.text for row in document.take()] == ["   a", "  ───", "   b"]


_LATEX = st.lists(
    st.sampled_from(
        [
            *("x", "12", "+", "-", "=", "(", ")", "[", "]", "{", "}", "^", "_", "&", "\\\\", "'", ",", "%", "~"),
            *(
                "\\frac",
                "\\frac{a}{b}",
                "\\sqrt",
                "\\sqrt[3]{x}",
                "\\left(",
                "\\right)",
                "\\left.",
                "\\right|",
                "\\sum",
            ),
            *("\\begin{matrix}", "\\end{matrix}", "\\begin{cases}", "\\end{cases}", "\\text{a b}", "\\hat", "\\sum"),
            *(
                "\\alpha",
                "\\unknown",
                "\\,",
                "\\mathbb{R}",
                "长",
                "👍🏽",
                "e\u0301",
                "\u202e",
                "\\boxed{x}",
                "\\lim_{x}",
            ),
        ]
    ),
    max_size=14,
).map("".join)


@given(_LATEX)
def test_formula_rows_of_any_latex_are_safe_and_fit(latex: str) -> None:
    rows = formula_rows(latex, 60)
    assert "\n" not in formula_text(latex)
    if len(rows) > 1 and "\\\\" not in latex:
        assert all(WIDTHS.width(row) <= 60 for row in rows)


def test_formula_with_deep_scripts_is_laid_out_once_for_each_level() -> None:
    latex = "x_{" * 18 + "長" + "}" * 18
    called = [0]

    def count(frame: object, event: str, argument: object) -> None:
        called[0] += 1

    sys.setprofile(count)
    text = formula_text(latex)
    sys.setprofile(None)
    assert text.count("x") == 18
    assert called[0] < 60_000
    assert formula_text("f" + "'" * 1000).count("′") == 1000


def test_formula_package_import_loads_no_latex_library() -> None:
    script = (
        "import sys, termchat.ui.markdown.inline; print('pylatexenc' in sys.modules);"
        "from termchat.ui.markdown.inline import parse; parse('costs $5 and $10'); print('pylatexenc' in sys.modules);"
        "parse('$x$'); print('pylatexenc' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


@pytest.mark.parametrize(
    ("source", "text", "rows"),
    [
        (r"\underbrace{a+b}_{n} + c", "⏟(a + b)ₙ + c", ["⏟(a + b) + c", "    n"]),
        (r"\overbrace{a+b}^{n}", "⏞(a + b)ⁿ", ["    n", "⏞(a + b)"]),
        (r"X \overset{iid}{\sim} N", "X ∼ⁱⁱᵈ N", ["  iid", "X  ∼  N"]),
        (r"a \stackrel{\text{def}}{=} b", "a ≝ b", ["a ≝ b"]),
        (r"\underset{x \in A}{\max} f", "max_(x∈A) f", ["max f", "x∈A"]),
        (r"\overset{n}{a+b}", "(a + b)ⁿ", ["   n", "(a + b)"]),
        (r"\overline{a+b} = \underline{c}", "a̅ ̅+̅ ̅b̅ = c̲", ["a̅ ̅+̅ ̅b̅ = c̲"]),
        (r"\overrightarrow{AB}", "A⃗B⃗", ["A⃗B⃗"]),
        (r"\widehat{ABC}", "hat(ABC)", ["hat(ABC)"]),
        (r"\cancel{ab}", "a̸b̸", ["a̸b̸"]),
        (r"\sum_{\substack{i<n\\j<m}} x", "∑_(i<n, j<m) x", ["    ∑     x", "i<n, j<m"]),
        (r"A \xRightarrow{p} B", "A ═p⇒ B", ["A ═p⇒ B"]),
    ],
)
def test_formula_with_label_brace_or_line_is_readable(source: str, text: str, rows: list[str]) -> None:
    assert formula_text(source) == text
    found = formula_rows(source, 40)
    assert [row.strip() for row in found] == [row.strip() for row in rows]


def test_formula_with_unknown_command_beside_label_is_shown_as_written() -> None:
    assert formula_text(r"\underbrace{\genfrac{(}{)}{0pt}{}{n}{k}}_{x}") == ""
