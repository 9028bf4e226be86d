"""The privacy stage: clip each update, sum, check, add noise; before the server's step.

    clip by the norms that records state -> sum -> check -> claim the draw -> noise -> step

The draw of noise is claimed before any noisy byte exists, so an aggregation that is killed or runs twice adds the same
noise to the same sum. Nothing of a sum is used, and nothing drawn, before all its updates have passed all checks.
"""
