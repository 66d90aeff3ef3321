package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '81d7eeb7f295ea29468c9e102328b2415558ad399c2bc3a8e5200bb8f46e921e'
  static final String JOBS_SUM = '794a3403b86d6921474179418c923b48f15acd5c4c6d56ae9645719bc579a2a6'

  private static final long serialVersionUID = 1L
}
