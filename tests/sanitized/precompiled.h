// What most files include, parsed once: most of what a sanitizer's build would otherwise spend.
// Only headers that change with the packages or the wire format stand here.
#pragma once

#include <fcntl.h>
#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/envelope_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/incident_generated.h"
#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"
