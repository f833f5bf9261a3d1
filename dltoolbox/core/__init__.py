"""Words that every room uses: errors, formats, geometry, options, random streams. Imports nothing of ours."""
