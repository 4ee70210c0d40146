from tools.search_index import entries

PAGE = """<article><section id="page"><h1>Page<a class="headerlink">#</a></h1><p>Text.</p>
<section id="names"><h2>Names</h2><table><tr><td><code><span class="pre">fit(<wbr>x,</span>
<span class="pre">sample_<wbr>weight)</span></code></td></tr></table></section></section>
</article>"""


def test_a_name_that_may_break_in_a_table_is_one_word_to_the_search():
    page, names = entries(PAGE, "page.html")
    assert (page["title"], page["text"]) == ("Page", "Text.")
    assert (names["url"], names["text"]) == ("page.html#names", "fit(x, sample_weight)")
