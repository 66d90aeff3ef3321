package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'c5458069966c96b1adef2a1ec1950b67967afe54849a3bcf3d95b69ca817aa7a'
  static final String JOBS_SUM = '794a3403b86d6921474179418c923b48f15acd5c4c6d56ae9645719bc579a2a6'

  private static final long serialVersionUID = 1L
}
