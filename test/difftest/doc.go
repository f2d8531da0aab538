// Package difftest holds pkg/wheel to Python's `packaging`: the same versions,
// specifiers, markers, requirements, file names and metadata go to both, and
// every answer has to be equal. The inputs are the lists in testdata and, from
// a fixed seed, variations of them.
//
// The Python is $PINWHEEL_PYTHON, else .tools/py/bin/python, else python3. With
// none that has a recent `packaging` the tests are skipped, or fail if
// E2E_REQUIRE=1.
//
// The Intake tests hold the rules of pkg/wheel for archives to what pip, uv and
// `wheel unpack` do with real wheels and with changed ones; they need these
// three, and wheels that test/tools/install fetches.
package difftest
