# Each folder of protocols/ is a parser; what tests them is told where the captured bytes lie.
file(GLOB parsers CONFIGURE_DEPENDS ${folder}/protocols/*/*.cpp)
file(GLOB parser_tests CONFIGURE_DEPENDS ${folder}/protocols/*/*_test.cpp)
list(REMOVE_ITEM parsers ${parser_tests})
target_sources(stage_l7_source PRIVATE ${parsers})
list(APPEND tests ${parser_tests})

# Header blocks of HTTP/2 are decompressed by libnghttp2.
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
target_link_libraries(stage_l7_source PRIVATE PkgConfig::NGHTTP2)

# The probe is loaded through runtime/bpf.
target_link_libraries(stage_l7_source PUBLIC gala_runtime_bpf)
list(FILTER tests EXCLUDE REGEX "_kernel_test\\.cpp$")
add_executable(l7_source_kernel_test ${folder}/l7_source_kernel_test.cpp)
target_link_libraries(l7_source_kernel_test
  PRIVATE stage_l7_source GTest::gmock GTest::gtest_main)
target_compile_definitions(l7_source_kernel_test PRIVATE GALA_SHARE_DIR="${GALA_SHARE}")
gtest_discover_tests(l7_source_kernel_test TEST_PREFIX l7_source. DISCOVERY_TIMEOUT 60
  PROPERTIES LABELS kernel RUN_SERIAL TRUE)
