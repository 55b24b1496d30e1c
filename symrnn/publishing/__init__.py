"""Pages to publish. Nothing is written here: a page is a name and its bytes.

`pages`   a cell's derivation as files in several formats, with what proof and check came to
`index`   the table of what was published
"""

from .index import index_page
from .pages import FILE_FORMATS, USUAL, Order, Page, Published, publish, read_formats

__all__ = ["FILE_FORMATS", "USUAL", "Order", "Page", "Published", "index_page", "publish", "read_formats"]
