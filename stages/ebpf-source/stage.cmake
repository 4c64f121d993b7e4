# Probes are loaded through runtime/bpf; tests that load some need a kernel and privileges.
target_link_libraries(stage_ebpf_source PUBLIC gala_runtime_bpf)
# It describes the tables of the probes, so it describes itself anew when one of them changed.
get_property(probe_files GLOBAL PROPERTY GALA_PROBE_FILES)
set_property(TARGET gala-ebpf-source APPEND PROPERTY LINK_DEPENDS ${probe_files})
list(FILTER tests EXCLUDE REGEX "_kernel_test\\.cpp$")
add_executable(ebpf_source_kernel_test ${folder}/ebpf_source_kernel_test.cpp)
target_link_libraries(ebpf_source_kernel_test
  PRIVATE stage_ebpf_source GTest::gmock GTest::gtest_main)
target_compile_definitions(ebpf_source_kernel_test PRIVATE GALA_SHARE_DIR="${GALA_SHARE}")
gtest_discover_tests(ebpf_source_kernel_test TEST_PREFIX ebpf_source. DISCOVERY_TIMEOUT 60
  PROPERTIES LABELS kernel RUN_SERIAL TRUE)
