# find_package(GlobalArrays): the target GlobalArrays::ga, libga with ARMCI inside; GlobalArrays::ga_static is the archive.
get_filename_component(_ga_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(GlobalArrays_VERSION 5.9.0)
set(GlobalArrays_INCLUDE_DIRS "${_ga_prefix}/include")
set(GlobalArrays_LIBRARIES GlobalArrays::ga)

if(NOT TARGET GlobalArrays::ga)
  add_library(GlobalArrays::ga SHARED IMPORTED)
  set_target_properties(GlobalArrays::ga PROPERTIES
    IMPORTED_LOCATION "${_ga_prefix}/lib/libga.so.0"
    IMPORTED_SONAME libga.so.0
    INTERFACE_INCLUDE_DIRECTORIES "${GlobalArrays_INCLUDE_DIRS}")
  add_library(GlobalArrays::ga_static STATIC IMPORTED)
  set_target_properties(GlobalArrays::ga_static PROPERTIES
    IMPORTED_LOCATION "${_ga_prefix}/lib/libga.a"
    INTERFACE_LINK_LIBRARIES "pthread;dl;m"
    INTERFACE_INCLUDE_DIRECTORIES "${GlobalArrays_INCLUDE_DIRS}")
endif()

unset(_ga_prefix)
