"""The privacy stage: clip each update, sum, add noise; between the check of the updates and the server's step.

    check -> (claim the draw) -> clip -> sum -> noise -> step

The draw of noise is claimed before any noisy byte exists, so an aggregation that is killed or runs twice adds the same
noise to the same sum.
"""
