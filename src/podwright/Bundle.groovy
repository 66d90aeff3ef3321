package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'ca6ff1420cf700b33babfe68f21da42eeb1ca08593bdf66fde2e5bfc500bc781'
  static final String JOBS_SUM = 'f4c0861dcec726ae163ca8deaf73aebf66e06645ff5e99819d1e1a7d35979632'

  private static final long serialVersionUID = 1L
}
