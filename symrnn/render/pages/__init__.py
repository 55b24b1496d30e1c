"""Whole pages in each format.

`text`      lines of Unicode
`latex`     blocks of equations, to be put into a document
`article`   everything a document says, as blocks before any format
`markdown`, `html`, `typst`, `tex`  an article in each format
`pdf`       the Typst article, set by the `typst` package
"""
