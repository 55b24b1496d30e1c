"""What a verdict is worth: false alarms on right code, and planted errors that are found.

`problems`   random cells' training steps: sizes, weight scales, saturated gates, types
`codes`      right implementations that share nothing with the reference, and some that come from the derivation
`alarms`     `python tests/benchmark.py alarms`
`planted`    `python tests/benchmark.py planted`
`cost`       `python tests/benchmark.py cost`
"""
