# The probe is loaded through runtime/bpf; names come from ELF files by libelf.
pkg_check_modules(LIBELF REQUIRED IMPORTED_TARGET GLOBAL libelf)
target_link_libraries(stage_profile_source PUBLIC gala_runtime_bpf PRIVATE PkgConfig::LIBELF)
list(FILTER tests EXCLUDE REGEX "_kernel_test\\.cpp$")
add_executable(profile_source_kernel_test ${folder}/profile_source_kernel_test.cpp)
target_link_libraries(profile_source_kernel_test
  PRIVATE stage_profile_source GTest::gmock GTest::gtest_main)
target_compile_definitions(profile_source_kernel_test PRIVATE GALA_SHARE_DIR="${GALA_SHARE}")
gtest_discover_tests(profile_source_kernel_test TEST_PREFIX profile_source. DISCOVERY_TIMEOUT 60
  PROPERTIES LABELS kernel RUN_SERIAL TRUE)
