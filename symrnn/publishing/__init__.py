"""Pages to publish. A page is a name and its bytes; only `folder` writes, and only files that are symrnn's own.

`pages`   a derivation, of a cell or of a network, as files in several formats, with what proof and check came to
`index`   the table of what was published
`folder`  pages as files, with a record of what was written
"""

from .folder import RECORD, distinct, open_folder, read_record, refuse_foreign, stale_pages, write_pages
from .index import index_page
from .pages import FILE_FORMATS, USUAL, Order, Page, Published, names_of_pages, publish, read_formats, with_cells

__all__ = [
    "FILE_FORMATS",
    "RECORD",
    "USUAL",
    "Order",
    "Page",
    "Published",
    "distinct",
    "index_page",
    "names_of_pages",
    "open_folder",
    "publish",
    "read_formats",
    "read_record",
    "refuse_foreign",
    "stale_pages",
    "with_cells",
    "write_pages",
]
