package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '4e8d1689836f1f62f0f61affb663db484e4d75ce357ec933e70129a931617117'
  static final String JOBS_SUM = 'f4c0861dcec726ae163ca8deaf73aebf66e06645ff5e99819d1e1a7d35979632'

  private static final long serialVersionUID = 1L
}
