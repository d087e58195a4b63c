"""tests/images.py tells images that changed from modules that did."""

from __future__ import annotations

from images import Images, differences

OLD = {
    "same": Images("a", {"fast": "1", "quick": "2"}),
    "image": Images("b", {"fast": "1", "quick": "2"}),
    "setting": Images("c", {"fast": "1", "quick": "2"}),
    "module": Images("d", {"fast": "1", "quick": "2"}),
    "gone": Images("e", {"fast": "1"}),
}
NEW = {
    "same": OLD["same"],
    "image": Images("b", {"fast": "1", "quick": "3"}),
    "setting": Images("c", {"fast": "1"}),
    "module": Images("f", {"fast": "7", "quick": "8"}),
    "new": Images("g", {"fast": "1"}),
}


def test_what_differs_is_named() -> None:
    assert differences(OLD, OLD) == ([], [])
    assert differences(OLD, NEW) == (
        ["image, quick: was 2, is 3", "setting, quick: was 2, is nothing"],
        ["gone: only in the recording", "module: another module", "new: not in the recording"],
    )
