# find_package(globalarrays): the targets GlobalArrays::ga and GlobalArrays::comex (ARMCI alone), their archives ga_static and comex_static, and GlobalArrays::ga++, whose
# classes are all in a header.
# libga has ARMCI inside: who links it needs comex no more, and may link it behind.
get_filename_component(_ga_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(GlobalArrays_VERSION 5.9.2)
set(GlobalArrays_INCLUDE_DIRS "${_ga_prefix}/include" "${_ga_prefix}/include/ga")
set(GlobalArrays_LIBRARIES GlobalArrays::ga)
set(globalarrays_VERSION ${GlobalArrays_VERSION})
set(globalarrays_INCLUDE_DIRS ${GlobalArrays_INCLUDE_DIRS})
set(globalarrays_LIBRARIES ${GlobalArrays_LIBRARIES})
set(GlobalArrays_FOUND TRUE)
set(globalarrays_FOUND TRUE)

foreach(_ga_pair ga:ga comex:armci)
  string(REPLACE ":" ";" _ga_pair ${_ga_pair})
  list(GET _ga_pair 0 _ga_target)
  list(GET _ga_pair 1 _ga_library)
  if(NOT TARGET GlobalArrays::${_ga_target})
    add_library(GlobalArrays::${_ga_target} SHARED IMPORTED)
    set_target_properties(GlobalArrays::${_ga_target} PROPERTIES
      IMPORTED_LOCATION "${_ga_prefix}/lib/lib${_ga_library}.so.0"
      IMPORTED_SONAME lib${_ga_library}.so.0
      INTERFACE_INCLUDE_DIRECTORIES "${GlobalArrays_INCLUDE_DIRS}")
    add_library(GlobalArrays::${_ga_target}_static STATIC IMPORTED)
    set_target_properties(GlobalArrays::${_ga_target}_static PROPERTIES
      IMPORTED_LOCATION "${_ga_prefix}/lib/lib${_ga_library}.a"
      INTERFACE_LINK_LIBRARIES "pthread;dl;m"
      INTERFACE_INCLUDE_DIRECTORIES "${GlobalArrays_INCLUDE_DIRS}")
  endif()
endforeach()

if(NOT TARGET GlobalArrays::ga++)
  add_library(GlobalArrays::ga++ INTERFACE IMPORTED)
  set_target_properties(GlobalArrays::ga++ PROPERTIES INTERFACE_LINK_LIBRARIES GlobalArrays::ga)
endif()

unset(_ga_prefix)
unset(_ga_pair)
unset(_ga_target)
unset(_ga_library)
