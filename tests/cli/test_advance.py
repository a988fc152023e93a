"""The line that says how far a long reading is."""

from __future__ import annotations

from analyzer.cli.advance import amount, shown
from analyzer.cli.work import octets


def test_octets_and_steps_are_told_apart():
    assert amount(3, 8) == "3 of 8"
    assert amount(1_500_000, 30_000_000) == "1.5 of 30.0 MB"
    assert amount(3_100_000_000, 8_260_000_000) == "3.1 of 8.3 GB"


def test_it_is_shown_on_standard_error_alone_and_only_where_wanted(capsys):
    for wanted, quiet, something in ((True, False, True), (None, False, False), (False, False, False), (True, True, False)):
        with shown(wanted=wanted, quiet=quiet) as told:
            told("reading", 1_000_000, 2_000_000)
            told("following server", 1, 2)
        said = capsys.readouterr()
        assert not said.out
        assert ("1.0 of 2.0 MB" in said.err) is something
        assert ("1 of 2" in said.err) is something


def test_amounts_of_memory():
    assert [octets(each) for each in (None, "800M", "2g", "1GiB", "1.5 GB", "4096")] == [
        0, 800_000_000, 2_000_000_000, 2**30, 1_500_000_000, 4096]
