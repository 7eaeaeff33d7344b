"""Statistics over several runs: how their curves are brought together, and what may be said of them. Pure, on NumPy and scipy.

    grouping    which runs belong together: by group, framework, a config key, or by everything but the seed
    alignment   the curves of a group, brought onto one x without inventing points; everything left out is counted
    centres     one number for the values at an x: mean, median, interquartile mean
    intervals   two numbers for them: t interval, BCa bootstrap interval, standard deviation, range, quartiles
    bands       centre and interval along x, as they are drawn

Words: a *line* is one run's curve of one tag, a *group* the lines that are brought together, `n` the number of finite values at
one x. Arrays are float64 of shape (P,), P the number of x positions, unless something else is said. Tests of one group against
another have their place beside these modules.

Nothing is imported here, so that a board or an export that draws no band does not load scipy.
"""
