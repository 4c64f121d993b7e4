# The tests read captured trees.
set_property(SOURCE ${tests} APPEND PROPERTY
  COMPILE_DEFINITIONS GALA_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")

# Netlink messages are framed by libmnl.
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
target_link_libraries(stage_proc_source PRIVATE PkgConfig::MNL)
