// The test framework and `main` of all tests, compiled once: it costs a compiler more than the tests do.
#define BOOST_TEST_MODULE stub
#include <boost/test/included/unit_test.hpp>
