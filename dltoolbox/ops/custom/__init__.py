"""The op that calls a function from outside of the toolbox."""
