from contextlib import contextmanager

import pytest

from dltoolbox.core.errors import DltoolboxError


@pytest.fixture
def refused():
    """``with refused("function:reason"):`` expects that error, with a hint."""
    @contextmanager
    def expecting(identifier):
        with pytest.raises(DltoolboxError) as caught:
            yield
        assert caught.value.identifier == f"dltoolbox:{identifier}"
        assert caught.value.issues[0].hint
    return expecting
