"""Both backends, and a cache of compiled code that is nobody's."""

import shutil

import pytest

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler (cc, gcc or clang)"
)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("CC", raising=False)
        patch.delenv("CFLAGS", raising=False)
        yield


@pytest.fixture(params=["numpy", pytest.param("c", marks=needs_compiler)], scope="session")
def backend(request):
    """What computes: emitted NumPy, or compiled C."""
    return request.param
