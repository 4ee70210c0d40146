"""The index of the site's search."""

from tools.search_index import entries

PAGE = """<article><h1>Models</h1><section id="other"><h2><span class="section-number">1. </span>
Other libraries</h2><p>What is left out.</p><table><tr><td><code><span class="pre">fit(x,<wbr>
sample_<wbr>weight=...)</span></code></td></tr></table><pre>code</pre></section></article>"""


def test_a_name_that_may_break_in_a_table_is_one_word():
    assert list(entries(PAGE, "models.html")) == [
        {
            "title": "Other libraries",
            "page": "Models",
            "url": "models.html#other",
            "text": "What is left out. fit(x, sample_weight=...)",
        }
    ]
