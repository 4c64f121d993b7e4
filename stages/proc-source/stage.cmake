# The tests read captured trees.
set_property(SOURCE ${tests} APPEND PROPERTY
  COMPILE_DEFINITIONS GALA_DATA_DIR="${CMAKE_SOURCE_DIR}/tests/data")
