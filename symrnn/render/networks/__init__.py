"""Pages of networks: the pages of their blocks in one numbering, each cell's equations under the names of its layer.

`moments`   which step a name speaks of, in one block's words and in the network's
`names`     what every value, parameter and size of a network is called
`relabel`   a cell's formulas under the names of a block
`wires`     what a wire makes of a value, and what it hands back
`sections`  forward block by block, backward in reverse, every parameter's gradient
`document`  symbols, legend and sections of a network
`figure`    the network unrolled over three steps
`article`   everything that a published network says, as blocks
"""
