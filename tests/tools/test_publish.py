"""What is wrong with a site for a static host is named."""

from tools.publish import faults


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
