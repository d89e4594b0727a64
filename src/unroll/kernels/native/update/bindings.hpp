// Whole updates and evaluations for Python; see call.hpp.
#pragma once

#include <nanobind/nanobind.h>

void bind_updates(nanobind::module_& m);
