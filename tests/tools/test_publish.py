"""What is wrong with a site for a static host is named."""

from tools import publish
from tools.publish import FIRST_PAGE, complete, faults

ADDRESS = "https://example.org/book/"


def test_links_that_fail_on_a_host_or_in_a_folder_of_one_are_named(tmp_path):
    links = (
        '<a href="/chapters/hmm.html">a</a> <a href="lost.html">b</a> <a href="there.html">c</a>'
    )
    (tmp_path / "page.html").write_text(links, encoding="utf8")
    (tmp_path / "there.html").write_text("", encoding="utf8")
    assert [fault for fault in faults(tmp_path) if not fault.endswith("is missing")] == [
        "page.html: /chapters/hmm.html leaves the folder that the site may be in",
        "page.html: lost.html leads nowhere",
    ]


def test_the_first_page_is_known_by_the_address_of_the_site_or_that_is_a_fault(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(publish, "public_address", lambda: ADDRESS)
    page = f'<html><head><link rel="canonical" href="{ADDRESS}{FIRST_PAGE}" /></head></html>'
    said = f"index.html does not say that its address is {ADDRESS}"
    for text, named in ((page, True), (complete(page, ADDRESS, "index.html"), False)):
        (tmp_path / "index.html").write_text(text, encoding="utf8")
        assert (said in faults(tmp_path)) == named
