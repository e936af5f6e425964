"""Check that every relative link and picture in the Markdown files points to something that exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def markdown_files() -> list[Path]:
    """The Markdown files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\n") if name]


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a page have, as Python-Markdown and GitHub make them."""
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in HEADING.findall(text)}


def broken_links(page: Path) -> list[str]:
    """One line for each link of a page that leads nowhere inside the project."""
    problems = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        if not file.exists():
            problems.append(f"{page.relative_to(ROOT)}: {target} does not exist")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
            problems.append(f"{page.relative_to(ROOT)}: {target} has no such heading")
    return problems


def main() -> int:
    """Print the broken links; exit 1 when there are any."""
    pages = [page for page in markdown_files() if page.exists()]
    problems = [line for page in pages for line in broken_links(page)]
    print("\n".join(problems) or f"links: {len(pages)} pages, none broken")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
